#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""schema.py [--all-keys] SCHEMA ANSWERS...: each line of the files of answers is a JSON text that the
schema must allow; with --all-keys each key that it names must occur in one of them, and each of its
keys must be described."""
import json
import sys

try:
    import jsonschema
except ImportError:
    sys.exit("schema.py: python3-jsonschema is missing: scripts/deps test")


def resolve(schema, root):
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def branches(schema, root):
    schema = resolve(schema, root)
    yield schema
    for one in schema.get("anyOf", []):
        yield from branches(one, root)


def walk(schema, root, path, values, problems):
    """All that stands at this place of the answers, against what the schema says of it."""
    for one in branches(schema, root):
        objects = [v for v in values if isinstance(v, dict)]
        if one.get("properties") is not None and one.get("additionalProperties", True):
            problems.append(f"{path}: other keys are not ruled out")
        for key, inner in one.get("properties", {}).items():
            if "description" not in inner and "description" not in resolve(inner, root):
                problems.append(f"{path}.{key}: no description")
            found = [o[key] for o in objects if key in o]
            if not found:
                problems.append(f"{path}.{key}: in no answer")
            walk(inner, root, f"{path}.{key}", found, problems)
        if "items" in one:
            found = [v for l in values if isinstance(l, list) for v in l]
            walk(one["items"], root, f"{path}[]", found, problems)


arguments = [a for a in sys.argv[1:] if a != "--all-keys"]
with open(arguments[0], encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
answers, problems = [], []
for name in arguments[1:]:
    with open(name, encoding="utf-8") as f:
        answers += [json.loads(line) for line in f if line.strip()]
for number, answer in enumerate(answers, 1):
    for error in validator.iter_errors(answer):
        problems.append(f"answer {number}: {error.json_path}: {error.message}")
if "--all-keys" in sys.argv:
    walk(schema, schema, "$", answers, problems)
if not answers:
    problems.append("no answers")
for problem in problems:
    print(f"schema.py: {problem}", file=sys.stderr)
sys.exit(1 if problems else 0)

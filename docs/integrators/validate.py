"""Hold events, one JSON object a line on standard input, against the schemas of `binaan contract export DIR`.

binaan contract export schemas
python docs/integrators/validate.py schemas < events.jsonl
"""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

wrong = 0
for line in sys.stdin:
    event = json.loads(line)
    schema = json.loads((Path(sys.argv[1]) / f"{event['type']}.json").read_text())
    for error in Draft202012Validator(schema).iter_errors(event):
        wrong += 1
        print(event["id"], error.json_path, error.message)
sys.exit(1 if wrong else 0)

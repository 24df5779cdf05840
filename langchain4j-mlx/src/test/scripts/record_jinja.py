"""What Jinja2 gives for the templates of SemanticsTest.

Usage: record_jinja.py     (needs: pip install jinja2==3.1.6, and Python 3.11, whose repr() and str.format() count)

Reads semantics.jsonl beside context.json in the test resources and writes it again with what Jinja2 gives: "output", or
"error" with the exception's type, and its "message" where that is Jinja's own. A new case is a line with "about" and
"template". The environment is the one in which transformers renders chat templates.
"""
import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

FOLDER = pathlib.Path(__file__).parents[1] / "resources/dev/langchain4j/model/mlx/jinja"
NOW = datetime.datetime(2025, 7, 26, 14, 5, 9)


class Generation(jinja2.ext.Extension):
    """The block {% generation %}, which marks what an assistant writes; it renders as its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


class TemplateNamespace(jinja2.utils.Namespace):
    """What transformers has as namespace(): without attributes that begin with an underscore."""

    def __init__(self, *args, **kwargs):
        for name in dict(*args, **kwargs):
            check_name(name)
        super().__init__(*args, **kwargs)

    def __setitem__(self, name, value):
        check_name(name)
        super().__setitem__(name, value)


def check_name(name):
    if str(name).startswith("_"):
        raise jinja2.exceptions.SecurityError(
            f"Chat templates cannot store underscore-prefixed attributes on a namespace, but got {name!r}. "
            "Please rename the attribute.")


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    result = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    result.filters["tojson"] = to_json
    result.globals["namespace"] = TemplateNamespace
    result.globals["raise_exception"] = raise_exception
    result.globals["strftime_now"] = NOW.strftime
    return result


def record(case, context):
    result = {"about": case["about"], "template": case["template"]}
    try:
        result["output"] = environment().from_string(case["template"]).render(**context)
    except Exception as e:
        result["error"] = type(e).__name__
        if isinstance(e, (jinja2.exceptions.UndefinedError, jinja2.exceptions.SecurityError)) \
                or type(e) is jinja2.exceptions.TemplateError:
            result["message"] = str(e)
    return result


def main():
    if jinja2.__version__ != "3.1.6" or sys.version_info[:2] != (3, 11):
        sys.exit(f"needs Jinja2 3.1.6 under Python 3.11, this is {jinja2.__version__} under {sys.version.split()[0]}")
    path = FOLDER / "semantics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    records = [record(case, json.loads((FOLDER / "context.json").read_text())) for case in lines]
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    print(f"{len(records)} templates, {sum('output' in each for each in records)} outputs")


if __name__ == "__main__":
    main()

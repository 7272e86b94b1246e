"""Write the typed part of the Python client from the API's own description.

Run it after a change of the API: ``python scripts/make_client.py``. A test compares what is
committed with what this would write, so that no operation is without its method.
"""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI

from countenance.web.routers import API

PLACE = Path(__file__).parents[1] / "src/countenance/web/client/parts"
COMMON = "values"
_LINE = 99
_HEAD = '''"""{title}

Written by scripts/make_client.py from the API's description; change that, not this.
"""

from __future__ import annotations

'''
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMS = {"date-time": "datetime.datetime", "date": "datetime.date", "base64": "bytes"}


def described() -> dict[str, Any]:
    """The API's description, of no deployment in particular."""
    api = APIRouter(prefix="/api/v1")
    for router in API:
        api.include_router(router)
    app = FastAPI(title="Countenance", version="1")
    app.include_router(api)
    return app.openapi()


class Maker:
    """Writes one description's modules."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.schemas: dict[str, Any] = document["components"]["schemas"]
        self.parts: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                tag = operation["tags"][0].replace(" ", "_")
                self.parts.setdefault(tag, []).append((method.upper(), path, operation))
        used = {tag: set(self._reached(operations)) for tag, operations in self.parts.items()}
        self.home = {
            name: tags[0] if len(tags := [tag for tag in used if name in used[tag]]) == 1
            else COMMON
            for name in self.schemas if any(name in names for names in used.values())
        }  # fmt: skip

    def modules(self) -> dict[str, str]:
        """Each module's text by its name."""
        found = {COMMON: self._module(COMMON, "Values that several parts of the API share.", [])}
        for tag, operations in self.parts.items():
            title = f"Calls of the API about {tag.replace('_', ' ')}."
            found[tag] = self._module(tag, title, operations)
        found["__init__"] = self._all()
        return found

    def _all(self) -> str:
        tags = sorted(self.parts)
        text = _HEAD.format(title="All calls of the API, and the values they take and give.")
        text += "".join(
            f"from countenance.web.client.parts.{tag} import {_class(tag)}\n" for tag in tags
        )
        bases = ", ".join(_class(tag) for tag in tags)
        text += f'\n__all__ = ["Calls"]\n\n\nclass Calls({bases}):\n'
        return text + '    """Every call, by the name of its operation."""\n'

    def _module(
        self, tag: str, title: str, operations: list[tuple[str, str, dict[str, Any]]]
    ) -> str:
        names = self._ordered([name for name, home in self.home.items() if home == tag])
        body = "".join(self._value(name) for name in names)
        if operations:
            body += f'class {_class(tag)}(Part):\n    """{title}"""\n\n'
            body += "\n".join(self._call(*each) for each in operations)
        imports = [f"import {name}\n" for name in ("datetime",) if f"{name}." in body]
        others = "import msgspec\n\n" if "msgspec." in body else ""
        typing = [name for name in ("Any", "Literal") if re.search(rf"\b{name}\b", body)]
        if typing:
            imports.append(f"from typing import {', '.join(typing)}\n")
        own = [name for name in ("Call", "Part", "Shape", "Tagged", "Value")
               if re.search(rf"\b{name}[(\[]|\({name}\b", body)]  # fmt: skip
        text = _HEAD.format(title=title) + "".join(imports) + "\n" + others
        if own:
            text += f"from countenance.web.client.calling import {', '.join(own)}\n"
        shared = sorted(
            name for name, home in self.home.items()
            if home == COMMON != tag and re.search(rf"\b{name}\b", body)
        )  # fmt: skip
        if shared:
            text += f"from countenance.web.client.parts.{COMMON} import {', '.join(shared)}\n"
        return text + "\n\n" + body

    def _reached(self, value: Any) -> Iterator[str]:
        seen: set[str] = set()
        left = [value]
        while left:
            each = left.pop()
            if isinstance(each, tuple | list):
                left += each
            elif isinstance(each, dict):
                name = each.get("$ref", "").rpartition("/")[2]
                if name and name not in seen and name not in ("Problem", "Nothing"):
                    seen.add(name)
                    left.append(self.schemas[name])
                left += each.values()
        yield from seen

    def _ordered(self, names: list[str]) -> list[str]:
        """Names so that each comes after those it is made of."""
        done: list[str] = []

        def put(name: str) -> None:
            if name in done or name not in names:
                return
            for other in sorted(set(self._reached(self.schemas[name])) - {name}):
                put(other)
            done.append(name)

        for name in sorted(names):
            put(name)
        return done

    def _value(self, name: str) -> str:
        schema = self.schemas[name]
        says = _quoted(schema.get("description", "").partition("\n\n")[0])
        if "enum" in schema:
            words = ", ".join(f'"{word}"' for word in schema["enum"])
            return f'{name} = Literal[{words}]\n"""{says}"""\n\n\n'
        text = f'class {name}(Value, frozen=True, kw_only=True):\n    """{says}"""\n\n'
        needed = set(schema.get("required", ()))
        for field, of in schema.get("properties", {}).items():
            kind = self._type(of)
            if field in needed:
                text += f"    {field}: {kind}\n"
            else:
                text += f"    {field}: {kind} = {_default(of, kind)}\n"
        return text + "\n\n"

    def _type(self, schema: Mapping[str, Any]) -> str:
        if "$ref" in schema:
            return str(schema["$ref"].rpartition("/")[2])
        for several in ("anyOf", "oneOf"):
            if several in schema:
                kinds = dict.fromkeys(self._type(each) for each in schema[several])
                if "str" in kinds:  # which the words among them are, too
                    kinds = {kind: None for kind in kinds if not kind.startswith("Literal")}
                return " | ".join(kinds)
        if "const" in schema:
            return f'Literal["{schema["const"]}"]'
        if "enum" in schema:
            return "Literal[" + ", ".join(f'"{word}"' for word in schema["enum"]) + "]"
        kind = schema.get("type")
        if kind == "array":
            return f"tuple[{self._type(schema['items'])}, ...]"
        if kind == "object":
            values = schema.get("additionalProperties") or next(
                iter(schema.get("patternProperties", {}).values()), True
            )
            keys = self._type(schema["propertyNames"]) if "$ref" in schema.get(
                "propertyNames", {}) else "str"  # fmt: skip
            return f"dict[{keys}, {'Any' if values is True else self._type(values)}]"
        return _FORMS.get(schema.get("format", ""), _PLAIN.get(kind or "", "Any"))

    def _call(self, method: str, path: str, operation: dict[str, Any]) -> str:
        name = operation["operationId"]
        inputs = {"path": [], "query": [], "header": []}  # type: dict[str, list[str]]
        needed, others = ["self"], []
        for each in operation.get("parameters", ()):
            if each["in"] == "cookie":
                continue
            argument = _argument(each["name"])
            inputs[each["in"]].append(f'"{each["name"]}": {argument}')
            kind = self._type(each["schema"])
            if each["in"] == "path":
                needed.append(f"{argument}: {kind}")
            elif each.get("required"):
                others.insert(0, f"{argument}: {kind}")
            else:
                others.append(f"{argument}: {kind} = {_default(each['schema'], kind)}")
        body, sends = self._body(operation)
        if body:
            needed.append(body)
        arguments = needed + (["*", *others] if others else [])
        gives, answer = self._answer(operation)
        extra = [answer]
        extra += [f"{where}={{{', '.join(of)}}}" for where, of in inputs.items() if of]
        extra += sends
        says = _quoted(operation["description"].partition("\n\n")[0].replace("\n", " "))
        facts = [f'"{name}"', f'"{method}"', f'"{path}"']
        if operation["x-step-up"]:
            facts.append(f'confirms="{operation["x-action"]}"')
        if "x-signs" in operation:
            facts.append(f'signs="{operation["x-signs"]}"')
        does = f"self._call(Call({', '.join(facts)}), {', '.join(extra)})"
        return (
            f"    def {name}({', '.join(arguments)}) -> {gives}:\n"
            f'        """{says}"""\n        {"return " if gives != "None" else ""}{does}\n'
        )

    def _body(self, operation: Mapping[str, Any]) -> tuple[str, list[str]]:
        content = operation.get("requestBody", {}).get("content", {})
        if "application/octet-stream" in content:
            return "data: bytes", ["body=data"]
        if "application/json" not in content:
            return "", []
        kind = self._type(content["application/json"]["schema"])
        return ("", ["body={}"]) if kind == "Nothing" else (f"sent: {kind}", ["body=sent"])

    def _answer(self, operation: Mapping[str, Any]) -> tuple[str, str]:
        """What the method gives, and by what the answer is read."""
        status = next(code for code in operation["responses"] if code.startswith("2"))
        content = operation["responses"][status].get("content", {})
        if not content:
            return "None", "None"
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            return "bytes", "bytes"
        kind = self._type(schema)
        if "discriminator" in schema:
            of = schema["discriminator"]
            mapping = ", ".join(
                f'"{word}": {ref.rpartition("/")[2]}' for word, ref in of["mapping"].items()
            )
            return kind, f'Tagged[{kind}]("{of["propertyName"]}", {{{mapping}}})'
        return kind, f"Shape[{kind}]({kind})"


def _class(tag: str) -> str:
    return "".join(word.capitalize() for word in tag.split("_")) + "Calls"


def _argument(name: str) -> str:
    name = name.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def _default(schema: Mapping[str, Any], kind: str) -> str:
    found = schema.get("default")
    if found in ([], {}) and found is not None:
        return "()" if kind.startswith("tuple") else "msgspec.field(default_factory=dict)"
    return f'"{found}"' if isinstance(found, str) else repr(found)


def _quoted(text: str) -> str:
    return " ".join(text.split()).replace("\\", "").replace('"""', "'''").strip()


def formatted(text: str) -> str:
    """As the rest of the code is."""
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select", "I,UP", "--fix", "-q"], ["format", "-q"]):
        text = subprocess.run(
            [*ruff, *command, "--stdin-filename", str(PLACE / "x.py"), "-"], input=text,
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    return text


def made() -> dict[str, str]:
    """Every module's text, as it is to be committed."""
    return {name: formatted(text) for name, text in Maker(described()).modules().items()}


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    for each, text in made().items():
        (PLACE / f"{each}.py").write_text(text, "utf-8")

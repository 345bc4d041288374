"""The JSON interface described in the form of OpenAPI 3.1."""

from __future__ import annotations

from screener import __version__
from screener.serve import MOST_BYTES, MOST_KEPT, MOST_WAITING
from screener.serve.fields import FIELDS, json_schema

_REQUEST = {"elements": "Al,Ti,Cr", "step": "2", "maximize": ["hardness_gpa"], "top": 20}
_NUMBER = {"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}, "description": "Run."}


def openapi() -> dict[str, object]:
    """Describe every address of the JSON interface."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "alloy-screener",
            "version": __version__,
            "description": "Screen composition spaces. Amounts are in at.%. What cannot be answered comes back as "
            f'{{"error": one fact, "hint": what to send instead}}. Requests are JSON of at most {MOST_BYTES} bytes; '
            f"{MOST_WAITING} runs may wait, {MOST_KEPT} finished ones are remembered.",
        },
        "paths": {
            "/health": {"get": _get("Whether the server is up, and how busy.", "Health")},
            "/api/installed": {"get": _get("Models, elements, columns and processes there are.", "Installed")},
            "/api/size": {"post": _post("How many candidates a request has, and its command line. Quick.", "Size")},
            "/api/estimate": {
                "post": _post("The same with time and memory, measured on a few blocks; checks everything.", "Size")
            },
            "/api/runs": {
                "post": _post("Put a run into the queue.", "Run", 201),
                "get": _get("Runs that are remembered, the latest first.", "Runs"),
            },
            "/api/runs/{number}": {
                "get": _get("How far a run is.", "Run", _NUMBER),
                "delete": _plain("Stop a run and forget it.", 204),
            },
            "/api/runs/{number}/cancel": {"post": _plain("Stop a run; it stays in the list.", 200)},
            "/api/runs/{number}/rows": {
                "get": _get("Rows of the result.", "Rows", _NUMBER, _query("start", 0), _query("count", 100))
            },
            "/api/runs/{number}/result.{suffix}": {
                "get": _get(
                    "The result as a file, as the command line writes it.",
                    "",
                    _NUMBER,
                    _NUMBER
                    | {"name": "suffix", "schema": {"enum": ["csv", "jsonl", "parquet"]}, "description": "Format."},
                )
            },
            "/api/runs/{number}/report": {"get": _get("The result as a page: maps, Pareto plot, table.", "", _NUMBER)},
        },
        "components": {"schemas": _schemas()},
    }


def _schemas() -> dict[str, object]:
    """Describe what is sent and answered."""
    text, number, whole = {"type": "string"}, {"type": ["number", "null"]}, {"type": ["integer", "null"]}
    texts = {"type": "array", "items": text}
    size = {"candidates": whole, "space": text, "space_size": text, "notes": texts, "command": text}
    return {
        "Request": {
            "type": "object",
            "required": ["elements"],
            "additionalProperties": False,
            "properties": {field.name: json_schema(field) for field in FIELDS},
            "example": _REQUEST,
        },
        "Error": _object({"error": text, "hint": text}),
        "Health": _object({"status": text, "version": text, "models": text, "running": whole, "waiting": whole}),
        "Installed": _object({"elements": {"type": "array"}, "columns": {"type": "array"}, "processes": texts}),
        "Size": _object(size | {"search": text, "seconds": number, "time": text, "megabytes": number}),
        "Run": _object(
            {
                "number": whole,
                "state": {"enum": ["waiting", "running", "done", "failed", "cancelled"]},
                "command": text,
                "candidates": whole,
                "done": whole,
                "share": number,
                "seconds": number,
                "rate": number,
                "seconds_left": number,
                "best": text,
                "warnings": texts,
                "problem": {"anyOf": [{"$ref": "#/components/schemas/Error"}, {"type": "null"}]},
                "rows": whole,
                "summary": {"type": ["array", "null"], "items": text},
            }
        ),
        "Runs": _object({"runs": {"type": "array", "items": {"$ref": "#/components/schemas/Run"}}}),
        "Rows": _object({"start": whole, "total": whole, "columns": texts, "rows": {"type": "array"}}),
    }


def _object(properties: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": properties}


def _content(name: str) -> dict[str, object]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}} if name else {}


def _get(text: str, answer: str, *parameters: dict[str, object]) -> dict[str, object]:
    """Describe a question that changes nothing."""
    responses: dict[str, object] = {"200": {"description": "The answer."} | _content(answer)}
    if parameters:
        responses["4XX"] = {"description": "Nothing there, or not yet."} | _content("Error")
    return {"summary": text, "parameters": list(parameters), "responses": responses}


def _post(text: str, answer: str, status: int = 200) -> dict[str, object]:
    """Describe what takes a request."""
    return {
        "summary": text,
        "requestBody": {"required": True, **_content("Request")},
        "responses": {
            str(status): {"description": "The answer."} | _content(answer),
            "4XX": {"description": "The request cannot be answered."} | _content("Error"),
        },
    }


def _plain(text: str, status: int) -> dict[str, object]:
    """Describe what only names a run."""
    return {
        "summary": text,
        "parameters": [_NUMBER],
        "responses": {
            str(status): {"description": "Done."},
            "404": {"description": "No such run."} | _content("Error"),
        },
    }


def _query(name: str, default: int) -> dict[str, object]:
    return {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 0, "default": default}}

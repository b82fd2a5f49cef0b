"""Code without what cannot change a result: docstrings, type-checking blocks, ``__all__``, wording."""

from __future__ import annotations

import ast

from warpline.pipeline.reachable_modules import is_type_checking

__all__ = ["is_log_call", "normalised"]

LOGGERS = ("log", "logger", "logging", "warnings")
LOG_METHODS = frozenset(
    {"debug", "info", "warning", "warn", "error", "critical", "exception", "log"}
)


def normalised(tree: ast.Module, keep_messages: bool, keep_all: bool) -> ast.Module:
    """Return a module's syntax tree, changed in place, without what cannot change a result.

    Parameters
    ----------
    tree : ast.Module
    keep_messages : bool
        Whether the wording of errors and of logs counts.
    keep_all : bool
        Whether ``__all__`` counts.
    """
    kept: ast.Module = _Normaliser(keep_messages, keep_all).visit(tree)
    return kept


def _blanked(node: ast.expr) -> ast.expr:
    """Return an argument without its wording: what an f-string computes stays."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.Constant(None)
    if isinstance(node, ast.JoinedStr):
        computed = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        return ast.Tuple(elts=computed, ctx=ast.Load())
    return node


def _blank_arguments(call: ast.expr | None) -> None:
    if isinstance(call, ast.Call):
        call.args = [_blanked(argument) for argument in call.args]
        for keyword in call.keywords:
            keyword.value = _blanked(keyword.value)


def is_log_call(node: ast.Expr) -> bool:
    """Say whether a statement only writes to a log."""
    call = node.value
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return False
    holder = ast.unparse(call.func.value)
    named = holder.rpartition(".")[2] in LOGGERS or holder.startswith("logging.getLogger(")
    return named and call.func.attr in LOG_METHODS


class _Normaliser(ast.NodeTransformer):
    """Takes out what `normalised` leaves out."""

    def __init__(self, keep_messages: bool, keep_all: bool) -> None:
        self.keep_messages = keep_messages
        self.keep_all = keep_all

    def _never_empty(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]  # type: ignore[attr-defined]
        return node

    visit_FunctionDef = _never_empty
    visit_AsyncFunctionDef = _never_empty

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        bases = [ast.unparse(base) for base in node.bases]
        if not self.keep_messages and any(b.endswith(("Error", "Exception")) for b in bases):
            # An exception puts its message together in its constructor.
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "super().__init__":
                    _blank_arguments(inner)
        return self._never_empty(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        return list(node.orelse) if is_type_checking(node) else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        exported = any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
        return None if exported and not self.keep_all else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if not self.keep_messages:
            _blank_arguments(node.exc)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        if not self.keep_messages and node.msg is not None:
            node.msg = _blanked(node.msg)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        option = isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"
        if option and not self.keep_messages:
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "help"]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        # A string that stands alone does nothing: the docstring of an attribute.
        if isinstance(node.value, ast.Constant):
            return None
        if not self.keep_messages and is_log_call(node):
            _blank_arguments(node.value)
        return self.generic_visit(node)

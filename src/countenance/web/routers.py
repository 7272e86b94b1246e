"""The routers: every module of `pages` and of `api` has one, called `router`."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from fastapi import APIRouter

from countenance.web import api, pages


def _routers(package: ModuleType) -> tuple[APIRouter, ...]:
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    modules = (importlib.import_module(f"{package.__name__}.{name}") for name in names)
    return tuple(module.router for module in modules if hasattr(module, "router"))


PAGES: tuple[APIRouter, ...] = _routers(pages)
API: tuple[APIRouter, ...] = _routers(api)

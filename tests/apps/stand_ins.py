"""Modules that stand in for packages that an application imports and that say nothing about its routes.

A stand-in survives what code does while it is imported: attributes, calls, subscripts and operators give stand-ins,
a stand-in used as a decorator gives the decorated back, and one used as a base class is an empty class.
By their names, exceptions are classes (`ParseError`) and type variables are type variables (`AgentDepsT`).
"""

import abc
import importlib.abc
import importlib.machinery
import importlib.metadata
import inspect
import sys
import typing


class StandIn:
    """A value of which nothing is known but its name."""

    def __init__(self, name):
        vars(self).update(__name__=name.rpartition(".")[2], __qualname__=name, __module__="stand_ins")
        vars(self).update(__path__=[], __version__="999.0.0", __signature__=inspect.Signature())

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        whole = f"{self.__qualname__}.{name}"
        if name.endswith(("Error", "Exception", "Warning")):
            value = type(name, (Exception,), {"__module__": "stand_ins"})
        elif name.endswith("T") and not name.isupper():
            value = typing.TypeVar(name)
        else:
            value = StandIn(whole)
        setattr(self, name, value)
        return value

    def __call__(self, *arguments, **keywords):
        decorated = len(arguments) == 1 and not keywords and (inspect.isfunction(arguments[0]) or inspect.isclass(arguments[0]))
        return arguments[0] if decorated else self

    def __mro_entries__(self, bases):
        others = [base for base in bases if isinstance(base, type)]
        return () if others else (Meta(self.__name__, (Base,), {"__module__": "stand_ins"}),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        from pydantic_core import core_schema

        return core_schema.any_schema()

    @classmethod
    def __get_pydantic_json_schema__(cls, schema, handler):
        return {}

    def same(self, *_):
        return self

    def anything(self, _):
        return typing.Any

    __enter__ = __getitem__ = __add__ = __radd__ = __truediv__ = __mul__ = __and__ = same
    __or__ = __ror__ = anything

    def __exit__(self, *_):
        return False

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __bool__(self):
        return True

    def __contains__(self, _):
        return False

    def __fspath__(self):
        return "stand_in"

    def __int__(self):
        return 1

    def __setitem__(self, *_):
        return None

    def __instancecheck__(self, _):
        return False

    def __subclasscheck__(self, _):
        return False


class Meta(abc.ABCMeta):
    """Gives a class that stands in for another every attribute."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(name)


class Base(metaclass=Meta):
    """Stands in for a base class: takes any parameters, in code and when it is subclassed."""

    def __init_subclass__(cls, **_):
        super().__init_subclass__()

    def __init__(self, *_, **__):
        super().__init__()

    def __class_getitem__(cls, _):
        return cls

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(name)

    __get_pydantic_core_schema__ = StandIn.__get_pydantic_core_schema__


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the stand-ins of some packages and of all modules below them."""

    def __init__(self, packages):
        self.packages = packages

    def find_spec(self, name, path=None, target=None):
        if any(name == package or name.startswith(package + ".") for package in self.packages):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        return None


def version(name, known=importlib.metadata.version):
    try:
        return known(name)
    except importlib.metadata.PackageNotFoundError:
        return "999.0.0"


def install(packages):
    sys.meta_path.insert(0, Finder(packages))
    importlib.metadata.version = version

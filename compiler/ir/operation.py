"""What an op is to the graph: a frozen dataclass that holds its attributes, a name, and roles.

The operators themselves (:mod:`snnc.compiler.ops`) derive from :class:`Operation` and add what they
compute; passes and reports see this much.
"""

from __future__ import annotations

import dataclasses
from abc import ABCMeta
from collections.abc import Collection, Mapping
from dataclasses import Field
from typing import Any, ClassVar, Self, dataclass_transform

from snnc.compiler.ir import attributes
from snnc.compiler.ir.attributes import Parameter
from snnc.compiler.ir.roles import Role
from snnc.errors import BAD_ATTRIBUTE, SnncError


class _Checked(ABCMeta):
    """Checks the attributes before an op is built, so that whoever builds one (an importer, a pass,
    ``dataclasses.replace``) is told which is wrong; and that a class with a name lacks nothing."""

    def __init__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> None:
        super().__init__(name, bases, members)
        if missing := sorted(cls.__abstractmethods__) if "name" in members else []:
            raise TypeError(f"the operator {name} does not say: {', '.join(missing)}")

    def __call__(cls, *unnamed: object, **given: object) -> Any:
        declared: tuple[Field[Any], ...] = cls.fields()  # type: ignore[attr-defined]
        name = str(getattr(cls, "name", cls.__name__))
        if unnamed:
            raise SnncError(BAD_ATTRIBUTE, f"the attributes of {name} are given by their names")
        attributes.check(name, declared, given)
        return super().__call__(**given)


@dataclass_transform(
    frozen_default=True,
    kw_only_default=True,
    field_specifiers=(
        attributes.attribute,
        attributes.constant,
        attributes.flag,
        attributes.one_of,
        attributes.real,
        attributes.sizes,
        attributes.text,
        attributes.whole,
    ),
)
class Operation(metaclass=_Checked):
    """An op with its attributes, which are the fields of its class.

    A class that derives from this one becomes a frozen dataclass. Its fields are declared by the
    functions of :mod:`snnc.compiler.ir.attributes`::

        class GroupMean(Op):
            name = "group_mean"
            size: int = whole(least=1)

        GroupMean(size=3).size

    Attributes:
        name: what it is called in texts, files and tables.
        roles: what it is to those who do not compute it (:mod:`snnc.compiler.ir.roles`). Who asks
            for a role that an op lacks refuses it, by name.
        parameters: the roles of its parameter arrays.

    Raises:
        SnncError: BAD_ATTRIBUTE for an attribute that is wrong, missing or misspelt.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    name: ClassVar[str]
    roles: ClassVar[tuple[Role, ...]] = ()
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def fields(cls) -> tuple[Field[Any], ...]:
        """The declarations of the attributes, in order."""
        return dataclasses.fields(cls)

    @classmethod
    def like(cls, other: Operation, **further: object) -> Self:
        """This op with the attributes that it shares with ``other``, and ``further`` ones."""
        names = {entry.name for entry in cls.fields()}
        values = {entry.name: getattr(other, entry.name) for entry in other.fields()}
        shared = {name: value for name, value in values.items() if name in names}
        made: Self = cls(**{**shared, **further})
        return made

    @property
    def settings(self) -> Mapping[str, object]:
        """The attributes that say something: all that must be given, and others that differ from
        their default."""
        values = {entry: getattr(self, entry.name) for entry in self.fields()}
        return {entry.name: value for entry, value in values.items() if value != entry.default}

    @property
    def parameters_taken(self) -> tuple[Parameter, ...]:
        """The parameters that it takes; by default as the class says."""
        return self.parameters

    def check_parameters(self, given: Collection[str], where: str) -> None:
        """Raise SnncError (BAD_ATTRIBUTE) unless its parameters are those that it takes, with one
        for each attribute that is left to a parameter (:func:`attributes.constant`)."""
        attributes.check_parameters(self.name, self.parameters_taken, given, where)
        left = [
            entry.name
            for entry in self.fields()
            if entry.metadata["rule"].or_parameter and getattr(self, entry.name) is None
        ]
        attributes.check_constants(self.name, self.fields(), left, given, where)

    def plays(self, *roles: Role) -> bool:
        """Whether it has one of these roles."""
        return any(role in roles for role in self.roles)


class NetworkInput(Operation):
    """What the network is given, and how its events wait for their step.

    attributes: ``frames``, how many steps have a frame in memory at a time (None: all of the
    window); or ``events``, how many packed events there is room for, with one frame made of those
    of a step; ``carry``, whether an event without a frame goes into the nearest one.
    """

    frames: int | None = attributes.whole(1, default=None)
    events: int | None = attributes.whole(1, default=None)
    carry: bool = attributes.flag(default=False)


class EdgeRead(Operation):
    """The reading end of a recurrent connection: gives what the :class:`EdgeWrite` of the same
    ``edge`` took a step before."""

    edge: str = attributes.text()


class EdgeWrite(Operation):
    """The writing end of a recurrent connection."""

    edge: str = attributes.text()

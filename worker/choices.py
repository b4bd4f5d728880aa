"""Types of options and settings whose values `adain.catalog` names: checked as it stands then."""

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from adain import catalog


class OneOf:
    """Annotates a text that is one of some names; they are an `enum` in JSON schemas."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names

    def _check(self, text: str) -> str:
        if text not in [*self.names]:
            raise PydanticCustomError("one_of", "Input should be one of {names}", self._named())
        return text

    def _named(self) -> dict[str, Any]:
        return {"names": ", ".join(self.names)}

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"enum": [str(name) for name in self.names]}


NetworkName = Annotated[str, OneOf(catalog.NETWORKS)]
EffortName = Annotated[str, OneOf(catalog.Effort)]
TaughtKindName = Annotated[str, OneOf(catalog.TaughtKind)]
MethodName = Annotated[str, OneOf(catalog.METHODS)]
LossName = Annotated[str, OneOf(catalog.LOSSES)]
StartName = Annotated[str, OneOf(catalog.Start)]
ColorMode = Annotated[str, OneOf(catalog.Color)]
RegionName = Annotated[str, OneOf(catalog.Region)]
TransparencyName = Annotated[str, OneOf(catalog.Transparency)]
TransferKind = Annotated[str, OneOf(catalog.Transfer)]

"""What CloudFormation makes of a template: its intrinsic functions, worked out as far as this template uses them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PSEUDO_PARAMETERS: Mapping[str, str] = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "stack",
}

_NO_VALUE = object()
# `${Name}`, `${Resource.Attribute}`, and `${!Name}`, which stands for a literal `${Name}`.
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class CannotResolve(Exception):
    """The template uses something this module does not know, or names something that is not there."""


@dataclass(frozen=True)
class Deployment:
    """A template with values for its parameters.

    A resource's `Ref` becomes its logical ID, `GetAtt` the logical ID and the attribute with a dot between.

    Attributes:
        template: With long-form functions.
        values: Parameters and pseudo parameters that are not to have their defaults.
    """

    template: Mapping[str, Any]
    values: Mapping[str, str] = field(default_factory=dict)

    def resource(self, logical_id: str) -> Any:
        """The properties of a resource, resolved."""
        return self.resolve(self.template["Resources"][logical_id]["Properties"])

    def resolve(self, node: Any) -> Any:
        """A part of the template with its functions worked out.

        Raises:
            CannotResolve: It has one that is not known here.
        """
        resolved = self._resolve(node, {})
        return None if resolved is _NO_VALUE else resolved

    def _resolve(self, node: Any, local: Mapping[str, Any]) -> Any:
        if isinstance(node, list):
            return [value for item in node if (value := self._resolve(item, local)) is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref":
                return self._ref(argument, local)
            if name.startswith("Fn::"):
                return self._call(name, argument, local)
        resolved = {key: self._resolve(value, local) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not _NO_VALUE}

    def _call(self, name: str, argument: Any, local: Mapping[str, Any]) -> Any:
        match name, argument:
            case "Fn::Sub", str():
                return self._substitute(argument, local)
            case "Fn::Sub", [str(text), dict(names)]:
                return self._substitute(text, {key: self._resolve(value, local) for key, value in names.items()})
            case "Fn::GetAtt", [str(), str()]:
                return ".".join(argument)
            case "Fn::Split", [str(separator), text]:
                return str(self._resolve(text, local)).split(separator)
            case "Fn::Select", [int(at), items]:
                return self._resolve(items, local)[at]
            case "Fn::If", [str(condition), yes, no]:
                return self._resolve(yes if self._holds(self.template["Conditions"][condition]) else no, local)
        raise CannotResolve(f"{name} of {argument!r}")

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Fn::Equals": [left, right]}:
                return bool(str(self._resolve(left, {})) == str(self._resolve(right, {})))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
        raise CannotResolve(f"condition {condition!r}")

    def _substitute(self, text: str, local: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            literal, name = found.groups()
            return "${" + name + "}" if literal else str(self._ref(name, local))

        return _PLACEHOLDER.sub(value, text)

    def _ref(self, name: str, local: Mapping[str, Any]) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in local:
            return local[name]
        if name in self.values:
            return self.values[name]
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        if name in self.template["Parameters"]:
            return str(self.template["Parameters"][name]["Default"])
        if name.partition(".")[0] in self.template["Resources"]:
            return name
        raise CannotResolve(f"nothing is called {name}")

"""Write a layer's bill of materials: CycloneDX 1.6 in JSON, with cyclonedx-python-lib.

Promises that equal layers have equal bills, each valid by the schema. Nothing is random: the serial number follows from the
layer's hash.
"""

import uuid
from collections.abc import Sequence

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as BillComponent, ComponentType
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from layer.release.components import Component
from layer.release.conditions import Commit, ReleaseError

NAMESPACE = uuid.UUID("6f2c2a4e-6d0c-5d5e-9a57-0f1d7c1b3a52")
"""Drawn once: serial numbers are of ours, and of nobody else's bills."""


def bill_of(name: str, digest: str, components: Sequence[Component], commit: Commit) -> str:
    """Return the bill of a layer.

    Args:
        name: The zip's name.
        digest: Its SHA-256.
        components: What it brings along.
        commit: What it was built from.

    Raises:
        ReleaseError: the bill does not keep to CycloneDX's schema.
    """
    licences = LicenseFactory()
    own = BillComponent(
        name="flight-recorder",
        version=commit.version,
        type=ComponentType.APPLICATION,
        bom_ref="flight-recorder",
        licenses=[licences.make_from_string("Apache-2.0")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        purl=PackageURL("generic", None, "flight-recorder", commit.version, {"file_name": name}),
        properties=[
            Property(name="flight-recorder:archive", value=name),
            Property(name="flight-recorder:commit", value=commit.commit),
        ],
        external_references=[
            ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(commit.source))
        ]
        if commit.source
        else [],
    )
    bill = Bom(
        serial_number=uuid.uuid5(NAMESPACE, digest),
        metadata=BomMetaData(
            component=own,
            timestamp=commit.moment,
            lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)],
        ),
    )
    parts = {one.name: _part(one, licences) for one in components}
    bill.components.update(parts.values())
    bill.register_dependency(own, parts.values())
    for one in components:
        bill.register_dependency(parts[one.name], [parts[need] for need in one.requires])
    text = JsonV1Dot6(bill).output_as_string(indent=2) + "\n"
    problem = validate(text)
    if problem:
        raise ReleaseError(f"the bill of {name} does not keep to the schema: {problem}")
    return text


def validate(text: str) -> str:
    """Return what of a bill does not keep to the schema; nothing if all of it does."""
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return "" if problem is None else str(problem)


def _part(one: Component, licences: LicenseFactory) -> BillComponent:
    return BillComponent(
        name=one.name,
        version=one.version,
        bom_ref=one.purl,
        purl=PackageURL.from_string(one.purl),
        cpe=one.cpe or None,
        licenses=[licences.make_from_string(one.licence)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one.source.sha256)],
        # A hash is of a file, and a reader wants to know of which.
        properties=[Property(name="flight-recorder:hash-of", value=one.source.file)],
    )

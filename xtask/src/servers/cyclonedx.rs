//! Where CycloneDX's own schemas come from: its Python library, a pinned package with what validates by them.

use std::path::PathBuf;

use anyhow::Result;

use super::python::Package;

const LIBRARY: Package = Package {
    name: "cyclonedx",
    version: "11.12.0",
    requirements: &["cyclonedx-python-lib[json-validation]==11.12.0"],
    witness: "bin/jsonschema",
};

/// A Python interpreter that has the library.
pub(crate) fn interpreter() -> Result<PathBuf> {
    LIBRARY.interpreter()
}

//! The external-secrets.io API as types and CustomResourceDefinitions.

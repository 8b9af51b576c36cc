"""The version, in its one place: the build, the command line and manifests read it here."""

__version__ = "0.2.0"

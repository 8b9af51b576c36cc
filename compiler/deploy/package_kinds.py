"""Names of the packages of ``snnc compile --package``, for what must not import the compiler."""

KINDS = (
    "cmake",
    "arduino",
    "platformio",
    "zephyr",
    "esp-idf",
    "pico-sdk",
    "cmsis-pack",
    "stm32cube",
)

TEXT_ONLY = ("arduino", "zephyr", "esp-idf", "cmsis-pack")
"""Packages whose build copies sources or rewrites __FILE__, which leads to binary weights."""

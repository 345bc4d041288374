"""Screen alloy compositions at high throughput."""

__version__ = "0.1.0"

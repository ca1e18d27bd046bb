"""Bundle exchanges: bundles are bought and sold at once, with payments that balance."""

from mabeam.core.bundle_exchange.events import (
    BundleOrder,
    BundlesExchanged,
    BundleTrade,
    ExchangeOpened,
    OrdersPlaced,
)
from mabeam.core.bundle_exchange.protocol import BUNDLE_EXCHANGE, examine_exchange
from mabeam.core.bundle_exchange.threshold import threshold, vcg_discounts

__all__ = [
    "BUNDLE_EXCHANGE",
    "BundleOrder",
    "BundleTrade",
    "BundlesExchanged",
    "ExchangeOpened",
    "OrdersPlaced",
    "examine_exchange",
    "threshold",
    "vcg_discounts",
]

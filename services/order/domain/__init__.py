"""The life of an order, as a customer sees it: State, decide, evolve; one module per theme."""

from services.order.domain.agenda import Agenda, agenda
from services.order.domain.decider import decide, labels, order_decider
from services.order.domain.order import Order, OrderStatus, PaymentStatus, evolve
from services.order.domain.payment import ChargePayment, RefundPayment, charge_key
from services.order.domain.preparation import RequestPreparation
from services.order.domain.submission import content

__all__ = [
    "Agenda",
    "ChargePayment",
    "Order",
    "OrderStatus",
    "PaymentStatus",
    "RefundPayment",
    "RequestPreparation",
    "agenda",
    "charge_key",
    "content",
    "decide",
    "evolve",
    "labels",
    "order_decider",
]

"""Restaurants: when they take orders, what they are out of, and how long they cook.

An aggregate of its own beside the orders: its key is the restaurant.
"""

from services.common.messages.restaurant import RestaurantStatus
from services.order.restaurant.admission import Defaults
from services.order.restaurant.domain import restaurant_decider
from services.order.restaurant.state import Restaurant

__all__ = ["Defaults", "Restaurant", "RestaurantStatus", "restaurant_decider"]

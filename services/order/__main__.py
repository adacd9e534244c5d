"""Runs one worker of the order service: python -m services.order worker -l info"""

from services.order.app import main

main()

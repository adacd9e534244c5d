"""Runs one worker of the delivery service: python -m services.delivery worker -l info"""

from services.delivery.app import main

main()

"""Runs one worker of the driver service: python -m services.driver worker -l info"""

from services.driver.app import main

main()

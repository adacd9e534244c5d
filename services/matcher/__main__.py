"""Runs one worker of the matcher service: python -m services.matcher worker -l info"""

from services.matcher.app import main

main()

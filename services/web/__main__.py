"""python -m services.web"""

from services.web.app import main

main()

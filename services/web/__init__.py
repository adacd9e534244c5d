"""What people see: shop, tracking, restaurant screen, operations board, simulator panel."""

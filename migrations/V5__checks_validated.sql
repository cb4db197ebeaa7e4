alter table orders validate constraint orders_tenant_id_check, validate constraint orders_currency_check;
alter table order_items validate constraint order_items_sku_check;

"""The two DynamoDB tables: the only place that knows attribute names."""

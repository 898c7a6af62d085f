"""The pages, one module an area; each handler asks services and fills one template."""

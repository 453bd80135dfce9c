package api

// Routes gives every route below an API Root as its method and path, as the table
// has it.
func Routes() []string { return routesOf(new(Server)) }

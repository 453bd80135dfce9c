package conformance

// Row is a row of the OASIS TAXII 2.1 Interoperability Test Document (v1.0,
// CSD01) for servers. The numbers of single rows are this suite's own where the
// document's summary gives only their section.
type Row struct {
	ID        string
	Title     string
	Mandatory bool
}

// Rows gives the rows: 39 mandatory and 5 optional.
func Rows() []Row {
	return []Row{
		{"3.1.1", "no credentials: 401 with a challenge", true},
		{"3.1.2", "wrong credentials: 401", true},
		{"3.1.3", "client certificate", true},
		{"3.1.4", "HTTP Basic", true},
		{"3.2.1", "discovery with an absolute and a relative API Root", true},
		{"3.3.1", "API Root", true},
		{"3.3.2", "an unknown API Root: 404", true},
		{"3.4.1", "collections", true},
		{"3.5.1.1", "a collection that may only be written", true},
		{"3.5.1.2", "a collection that may be read and written", true},
		{"3.5.1.3", "a collection that may only be read", true},
		{"3.5.1.4", "a collection that may neither be read nor written", true},
		{"3.5.2.1", "reading a write-only collection: 403", true},
		{"3.5.2.2", "writing a read-only collection: 403", true},
		{"3.5.2.3", "DELETE on either: 403", true},
		{"3.5.2.4", "DELETE on neither: 404", true},
		{"3.5.3", "an unknown collection: 404", true},
		{"3.6.1", "manifest", true},
		{"3.7.1", "objects", true},
		{"3.7.2", "no objects: 200 and more false", true},
		{"3.8.1", "an object; an unknown one: 404", true},
		{"3.9.1", "versions", true},
		{"3.10.1", "add: 202", true},
		{"3.11.1", "Status with all its properties, for 24 hours", true},
		{"3.12.1", "delete: 200", true},
		{"3.13.1.1", "added_after", true},
		{"3.13.1.2", "limit", true},
		{"3.13.1.3", "match[id]", true},
		{"3.13.1.4", "match[type]", true},
		{"3.13.1.5", "match[version]", true},
		{"3.13.1.6", "match[spec_version]", true},
		{"3.13.1.7", "OR within a filter", true},
		{"3.13.1.8", "AND across filters", true},
		{"3.13.1.9", "OR and AND together", true},
		{"3.13.1.10", "a repeated parameter: 400", true},
		{"3.14.1", "paging", true},
		{"3.14.2", "paging by the date headers", true},
		{"3.15.1", "custom properties, to the server", true},
		{"3.15.2", "custom properties, from the server", true},
		{"3.13.2.1", "match fields of tier 1: one value", false},
		{"3.13.2.2", "match fields of tier 2: lists", false},
		{"3.13.2.3", "match fields of tier 3: nested", false},
		{"3.13.2.4", "match[relationships-all]", false},
		{"3.13.2.5", "calculations", false},
	}
}

// InteropChecks gives the checks that stand for rows of that document.
func InteropChecks() (list []Check) {
	for _, c := range All() {
		if len(c.Interop) > 0 {
			list = append(list, c)
		}
	}
	return list
}

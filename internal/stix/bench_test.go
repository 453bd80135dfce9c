package stix_test

import (
	"testing"

	"github.com/hansom-taxii/hansom/internal/stix"
)

// benchObject is a relationship of the median size of real content.
const benchObject = `{"type":"relationship","spec_version":"2.1","id":"relationship--0a5c2f0e-6f8e-4b1e-9d0d-2a1b3c4d5e6f","created":"2020-01-20T12:34:56.000Z","modified":"2021-03-04T05:06:07.089Z","relationship_type":"uses","source_ref":"malware--31b940d4-6f7f-459a-80ea-9c1f17b58abc","target_ref":"attack-pattern--0458aab9-ad42-4eac-9e22-706a95bafee2","description":"Collects the \"configuration\" of the device and sends it to the operator, who then chooses among the modules. (Citation: Example Report 2020) The report names four modules, of which two were seen more than once.","external_references":[{"source_name":"Example Report 2020","url":"https://example.com/reports/2020/01","description":"Example. (2020, January 20). A report. Retrieved March 4, 2021."}],"object_marking_refs":["marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168"]}`

func BenchmarkPeek(b *testing.B) {
	raw := []byte(benchObject)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stix.Peek(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	raw := []byte(benchObject)
	f, err := stix.Peek(raw)
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range []stix.Validation{stix.Shape, stix.Strict} {
		b.Run(v.String(), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if err := stix.Check(raw, f, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

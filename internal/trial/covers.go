// Package trial holds what only tests need. No room imports it outside its
// _test files, and it decides nothing: it starts things, breaks things and
// writes down what a test has shown.
package trial

import (
	"regexp"
	"strings"
	"testing"
)

// Covers declares which requirements the running test shows: numbers of the
// TAXII 2.1 digest (R001 to R999) and of the client rules (K01 to K99), at
// least one. They go to the test's attributes under the name "covers", separated
// by spaces, where the conformance report finds them in the output of
// go test -json. A number of any other form ends the test.
//
// Call it at the top of the test or subtest that really shows the numbers:
// they count as shown only if that test passes.
func Covers(t testing.TB, numbers ...string) {
	t.Helper()
	if len(numbers) == 0 {
		t.Fatalf("Covers needs at least one number, such as R107 or K30")
	}
	form := regexp.MustCompile(`\A(R\d{3}|K\d{2})\z`)
	for _, number := range numbers {
		if !form.MatchString(number) {
			t.Fatalf("%q is not the number of a requirement; the forms are R107 and K30", number)
		}
	}
	t.Attr("covers", strings.Join(numbers, " "))
}

package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/bench/driver"
	"github.com/hansom-taxii/hansom/taxii"
)

// A load is what a Collection is filled with: generated objects, or a bundle.
type load struct {
	Name   string
	Number uint64 // of generated objects
	Marked bool   // they have TLP markings
	File   string // a bundle, gzip
}

// objects makes those that are generated.
func (l load) objects() *driver.Objects {
	if l.Marked {
		return driver.NewObjects(series).Marked()
	}
	return driver.NewObjects(series)
}

// sums are the sums of its objects, in order.
func (l load) sums() (sums []uint32, err error) {
	if l.File == "" {
		o, raw := l.objects(), []byte(nil)
		for i := range l.Number {
			raw = o.Append(raw[:0], i)
			sums = append(sums, driver.Sum(raw))
		}
		return sums, nil
	}
	f, err := os.Open(l.File)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	objects, err := taxii.SplitEnvelope(content)
	for _, raw := range objects {
		sums = append(sums, driver.Sum(raw))
	}
	return sums, err
}

// icsName is the bundle of ATT&CK for industrial control systems.
const icsName = "attack-ics-21.json.gz"

// icsFile is the bundle of real content, which the repository does not carry:
// it is looked for where the tests look (HANSOM_TEST_DATA, or else shared/data
// beside the repository's own folder). "" where it is not there.
func icsFile() string {
	folder := os.Getenv("HANSOM_TEST_DATA")
	if folder == "" {
		here, err := os.Getwd()
		if err != nil {
			return ""
		}
		folder = filepath.Join(filepath.Dir(here), "shared", "data")
	}
	file := filepath.Join(folder, icsName)
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// loadOf reads the name of a load: ics, or a number such as 10k or 1M.
func loadOf(name string) (load, error) {
	if name == "ics" {
		return load{Name: name, File: icsFile()}, nil
	}
	n, err := numberOf(name)
	return load{Name: name, Number: n}, err
}

// numberOf reads a number such as 500, 10k or 1M.
func numberOf(name string) (uint64, error) {
	digits, unit := strings.TrimRight(name, "kM"), uint64(1)
	switch name[len(digits):] {
	case "k":
		unit = 1000
	case "M":
		unit = 1_000_000
	case "":
	default:
		return 0, fmt.Errorf("%q is no number such as 10k", name)
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no number such as 10k", name)
	}
	return n * unit, nil
}

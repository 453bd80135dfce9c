package trial

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
)

// dataVariable names the environment variable with the folder of real data.
const dataVariable = "HANSOM_TEST_DATA"

// SharedFile returns the path of a file of real data, such as
// attack-ics-21.json.gz. Such data are not in the repository: they are looked
// for in the folder that HANSOM_TEST_DATA names and, if it is not set, in
// shared/data beside the module's own folder. False if the file is not there.
func SharedFile(name string) (string, bool) {
	folder := os.Getenv(dataVariable)
	if folder == "" {
		root, ok := moduleRoot()
		if !ok {
			return "", false
		}
		folder = filepath.Join(filepath.Dir(root), "shared", "data")
	}
	file := filepath.Join(folder, name)
	_, err := os.Stat(file)
	return file, err == nil
}

// Shared returns the content, decompressed, of a file of real data. False if
// the file is not there or cannot be read whole; a test that wanted it then
// says SKIPPED.
func Shared(name string) ([]byte, bool) {
	file, ok := SharedFile(name)
	if !ok {
		return nil, false
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	if filepath.Ext(name) != ".gz" {
		return content, true
	}
	content, err = unzip(content)
	return content, err == nil
}

func unzip(content []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// moduleRoot is the nearest folder above the working one that has a go.mod.
func moduleRoot() (string, bool) {
	folder, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, true
		}
		above := filepath.Dir(folder)
		if above == folder {
			return "", false
		}
		folder = above
	}
}

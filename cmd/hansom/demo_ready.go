package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/hansom-taxii/hansom/cmd/hansom/demo"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/node"
)

// discoveryPath is where every TAXII 2 server is discovered.
const discoveryPath = "/taxii2/"

// readyFile is what --ready-file writes. Its form is a stable interface.
type readyFile struct {
	URL         string            `json:"url"` // without a final slash
	Discovery   string            `json:"discovery"`
	CAFile      string            `json:"ca_file"` // absolute path
	DefaultRoot string            `json:"default_root"`
	Accounts    []readyAccount    `json:"accounts"`
	Collections []readyCollection `json:"collections"`
	Channels    []readyChannel    `json:"channels"`
}

type readyAccount struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Role     string `json:"role"`
}

// readyCollection is a Collection and what the member may do with it.
type readyCollection struct {
	Root     string `json:"root"` // path, such as /trust/
	ID       string `json:"id"`
	Alias    string `json:"alias"`
	Title    string `json:"title"`
	Readable bool   `json:"readable"`
	Writable bool   `json:"writable"`
}

// readyChannel is a Channel and what the member may do with it.
type readyChannel struct {
	Root     string `json:"root"` // path, such as /trust/
	Name     string `json:"name"`
	Readable bool   `json:"readable"`
	Writable bool   `json:"writable"`
}

// ready tells, once the server takes requests, who waits for it.
func (d *demoServer) ready(info node.Info) error {
	r := d.readyFile(info)
	if d.o.readyFile != "" {
		if err := replaceWithJSON(d.o.readyFile, r); err != nil {
			return tried(err, "write the ready file")
		}
	}
	return d.a.print(r, func() { d.a.sayDemo(r, d.data, d.store) })
}

// removeReady removes a ready file, if there is one, so that nobody reads of a
// server that does not serve any more, or not yet.
func removeReady(file string) error {
	info, err := os.Lstat(file)
	switch {
	case file == "", errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && !info.Mode().IsRegular():
		err = errors.New("it is no file that the demo has written; name another with --ready-file")
	case err == nil:
		err = os.Remove(file)
	}
	return tried(err, "remove the ready file %s", file)
}

func (d *demoServer) readyFile(info node.Info) readyFile {
	r := readyFile{URL: info.URL, Discovery: discoveryPath, CAFile: info.CAFile, DefaultRoot: "/" + demo.Roots()[0].Name + "/"}
	for _, role := range roles {
		r.Accounts = append(r.Accounts, readyAccount{Name: role, Password: d.memo.Passwords[role], Role: role})
	}
	for _, c := range demo.Collections() {
		may := memberRights[c.Root+"/"+c.Alias]
		r.Collections = append(r.Collections, readyCollection{
			Root: "/" + c.Root + "/", ID: c.ID, Alias: c.Alias, Title: c.Title,
			Readable: may.Has(exchange.Read), Writable: may.Has(exchange.Write),
		})
	}
	for _, c := range demo.Channels() {
		may := channelRights[c.Root+"/"+c.Name]
		r.Channels = append(r.Channels, readyChannel{
			Root: "/" + c.Root + "/", Name: c.Name, Readable: may.Has(exchange.Read), Writable: may.Has(exchange.Write),
		})
	}
	return r
}

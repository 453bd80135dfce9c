// Package client speaks with TAXII servers as a program does that publishes on
// Channels or follows them: it finds no server, keeps no place and stores no
// Message; those are its caller's. It knows the words on the wire (package
// taxii) and HTTP.
//
// A Client belongs to one server or one API Root:
//
//	c, err := client.New("https://taxii.example.com/trust/", client.Options{Account: "alice", Password: password})
//	status, err := c.Publish(ctx, "alerts", taxii.MessageDraft{Content: envelope})
//	for m, err := range c.Follow(ctx, "alerts", client.Following{After: cursor}) {
//		// store what m says, and m.Cursor with it
//	}
//
// Where a Channel is named, its name or id does, for a Client of an API Root;
// for a Client of a server, which is its URL without the path of an API Root,
// the API Root stands before it: "trust/alerts".
//
// What a server refuses is a [*taxii.Error], whose Kind says why; whatever else
// goes wrong on the way is another error. Nothing is logged.
package client

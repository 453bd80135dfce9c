package admin

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// mediaJSON is the media type of every answer of this face that is no error.
const mediaJSON = "application/json"

// CollectionRecord is a Collection with the number of its entries: object
// versions that it holds.
type CollectionRecord struct {
	exchange.CollectionSetting
	Entries int64 `json:"entries"`
}

// ExportPage is a page of an export. Next is there only with More.
type ExportPage struct {
	More    bool          `json:"more"`
	Next    string        `json:"next,omitempty"`
	Entries []ExportEntry `json:"entries"`
}

// ExportEntry is one object version with its record. Account is the number of
// who added it, which may have been removed since; Object has the bytes that
// were added.
type ExportEntry struct {
	Place   int64                `json:"place"`
	Account int64                `json:"account"`
	Request string               `json:"request"`
	Record  taxii.ManifestRecord `json:"record"`
	Object  jsontext.Value       `json:"object"`
}

// The lists and small answers of this face. A list without anything is [].
type (
	rootList struct {
		Roots []exchange.RootSetting `json:"roots"`
	}
	newRoot struct {
		Root     exchange.RootSetting `json:"root"`
		Warnings []string             `json:"warnings,omitempty"`
	}
	collectionList struct {
		Collections []exchange.CollectionSetting `json:"collections"`
	}
	channelList struct {
		Channels []exchange.ChannelRecord `json:"channels"`
	}
	subscriptionList struct {
		Subscriptions []taxii.Subscription `json:"subscriptions"`
		More          bool                 `json:"more,omitempty"`
		Next          string               `json:"next,omitempty"`
	}
	invitationList struct {
		Invitations []taxii.Invitation `json:"invitations"`
	}
	accountList struct {
		Accounts []exchange.AccountRecord `json:"accounts"`
	}
	groupList struct {
		Groups []exchange.GroupSetting `json:"groups"`
	}
	tokenList struct {
		Tokens []exchange.TokenRecord `json:"tokens"`
	}
	grantList struct {
		Grants []exchange.GrantSetting `json:"grants"`
	}
	keyList struct {
		Keys []exchange.Key `json:"keys"`
	}
	stepList struct {
		Steps []exchange.Step `json:"steps"`
	}
	versionRecord struct {
		Version string `json:"version"`
	}
)

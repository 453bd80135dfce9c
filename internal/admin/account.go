package admin

import (
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func (q *request) accounts() (answer, error) {
	list, err := q.Accounts(q.r.Context())
	return ok(accountList{list}, err)
}

func (q *request) addAccount() (answer, error) {
	var set exchange.AccountSetting
	if err := q.settings(&set); err != nil {
		return answer{}, err
	}
	if err := q.AddAccount(q.r.Context(), set); err != nil {
		return answer{}, err
	}
	return created(q.AccountRecord(q.r.Context(), set.Name))
}

func (q *request) account() (answer, error) {
	return ok(q.AccountRecord(q.r.Context(), q.names["account"]))
}

func (q *request) setAccount() (answer, error) {
	edit, err := patch[exchange.AccountSetting](q)
	if err != nil {
		return answer{}, err
	}
	name := q.names["account"]
	if err := q.SetAccount(q.r.Context(), name, edit); err != nil {
		return answer{}, err
	}
	return ok(q.AccountRecord(q.r.Context(), name))
}

func (q *request) removeAccount() (answer, error) {
	return done(q.RemoveAccount(q.r.Context(), q.names["account"]))
}

func (q *request) usage() (answer, error) {
	return ok(q.Usage(q.r.Context(), q.names["account"]))
}

func (q *request) grants() (answer, error) {
	list, err := q.Grants(q.r.Context())
	return ok(grantList{list}, err)
}

func (q *request) setGrant() (answer, error) {
	var set exchange.GrantSetting
	if err := q.settings(&set); err != nil {
		return answer{}, err
	}
	return done(q.SetGrant(q.r.Context(), set))
}

func (q *request) removeGrant() (answer, error) {
	account, group, on := q.params.Get("account"), q.params.Get("group"), q.params.Get("on")
	if (account == "") == (group == "") || on == "" {
		return answer{}, taxii.Errorf(taxii.Malformed, "the parameters account, or group, and on are needed")
	}
	return done(q.RemoveGrant(q.r.Context(), account+group, on))
}

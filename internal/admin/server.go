package admin

import (
	"context"
	"errors"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func (q *request) keys() (answer, error) {
	list, err := q.Keys(q.r.Context())
	return ok(keyList{list}, err)
}

func (q *request) rotateKey() (answer, error) {
	now, err := q.yes("now")
	if err != nil {
		return answer{}, err
	}
	purpose := q.params.Get("purpose")
	if purpose == "" {
		purpose = "cursor"
	}
	return created(q.RotateKey(q.r.Context(), purpose, now))
}

func (q *request) retireKey() (answer, error) {
	return done(q.RetireKey(q.r.Context(), q.names["key"]))
}

func (q *request) state() (answer, error) {
	return ok(q.State(q.r.Context()))
}

func (q *request) plan() (answer, error) { return q.declared(q.Plan) }

func (q *request) apply() (answer, error) { return q.declared(q.Apply) }

// declared reads a declaration and has something done with it. If that fails on
// the way, the error carries the steps that were taken.
func (q *request) declared(do func(context.Context, exchange.Declaration, bool) ([]exchange.Step, error)) (answer, error) {
	prune, err := q.yes("prune")
	if err != nil {
		return answer{}, err
	}
	var d exchange.Declaration
	if err := q.settings(&d); err != nil {
		return answer{}, err
	}
	steps, err := do(q.r.Context(), d, prune)
	if err != nil {
		return answer{}, halfway(err, steps)
	}
	return ok(stepList{append([]exchange.Step{}, steps...)}, nil)
}

// halfway adds to an error the steps that were taken before it.
func halfway(err error, steps []exchange.Step) error {
	if len(steps) == 0 {
		return err
	}
	e := taxii.Errorf(taxii.Internal, "a step failed").Because(err)
	if named := (*taxii.Error)(nil); errors.As(err, &named) {
		e = named.Because(err)
	}
	e.Details = map[string]any{"steps": steps}
	return e
}

func (q *request) version() (answer, error) {
	return ok(versionRecord{q.opt.Version}, nil)
}

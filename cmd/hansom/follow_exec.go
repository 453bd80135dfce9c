package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// mostOutput is how much of what a command prints, to each of its outputs, is
	// passed on for one Message: it may come from whoever publishes.
	mostOutput = 1 << 20
	// toEnd is how long a command that is told to end may take for it.
	toEnd = 5 * time.Second

	firstAgain   = time.Second
	longestAgain = time.Minute
)

// exec runs the command for a Message, again if that was asked for.
func (f *following) exec(ctx context.Context, m taxii.Message) error {
	for wait := firstAgain; ; wait = min(2*wait, longestAgain) {
		err := f.runOnce(ctx, m)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case f.onError == "stop":
			return fmt.Errorf("run %s for Message %s: %w; it was not acknowledged and comes again", f.command[0], m.ID, err)
		}
		f.warn("run %s for Message %s: %v; again in %v", f.command[0], m.ID, err, wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// runOnce runs the command once.
func (f *following) runOnce(ctx context.Context, m taxii.Message) error {
	content, err := f.c.Content(ctx, f.channel, m)
	if err != nil {
		return tried(err, "get its content")
	}
	defer content.Close()
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, f.command[0], f.command[1:]...)
	cmd.Env = []string{"HANSOM_ID=" + m.ID, "HANSOM_CURSOR=" + m.Cursor, "HANSOM_TYPE=" + m.Type, "HANSOM_MEDIA_TYPE=" + m.MediaType}
	out, errs := &bounded{to: f.a.out, left: mostOutput}, &bounded{to: f.a.err, left: mostOutput}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = content, out, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it starts ends with it; a Ctrl-C is for us
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = toEnd
	err = cmd.Run()
	if limited.Err() != nil && cmd.Process != nil || errors.Is(err, exec.ErrWaitDelay) {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whatever is left of it
	}
	if out.cut || errs.cut {
		f.warn("%s printed more than %d octets for Message %s; the rest is left out", f.command[0], mostOutput, m.ID)
	}
	return ended(limited, err, f.timeout)
}

// ended says how a command ended.
func ended(ctx context.Context, err error, most time.Duration) error {
	var code *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("it did not end within %v", most)
	case errors.Is(err, exec.ErrWaitDelay):
		return errors.New("it ended, but what it started did not")
	case errors.As(err, &code):
		return errors.New("it ended with " + code.String())
	}
	return errors.New(strings.TrimPrefix(err.Error(), "exec: "))
}

// bounded passes on so many octets and drops the rest.
type bounded struct {
	to   io.Writer
	left int
	cut  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	part := p[:min(len(p), b.left)]
	b.cut = b.cut || len(part) < len(p)
	b.left -= len(part)
	if _, err := b.to.Write(part); err != nil {
		return 0, err
	}
	return len(p), nil
}

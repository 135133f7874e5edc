package main

import (
	"context"
	"strings"
	"sync/atomic"

	"vmspec/results"
	"vmspec/results/report"
)

// A liveStage is how far a boot has come, for a person who watches.
type liveStage struct{ at atomic.Value }

func (l *liveStage) String() string {
	if at, ok := l.at.Load().(string); ok {
		return at
	}
	return "starting"
}

type liveKey struct{}

// withLive lets who boots in the context say how far the boot has come.
func withLive(ctx context.Context, l *liveStage) context.Context {
	return context.WithValue(ctx, liveKey{}, l)
}

// liveOf is the stage that somebody watches, or one that nobody does.
func liveOf(ctx context.Context) *liveStage {
	if l, ok := ctx.Value(liveKey{}).(*liveStage); ok {
		return l
	}
	return &liveStage{}
}

// before has each line looked at before another function takes it, if there is one.
func (l *liveStage) before(next func(string)) func(string) {
	return func(line string) {
		if at := stageOf(line); at != "" {
			l.at.Store(at)
		}
		if next != nil {
			next(line)
		}
	}
}

// stageOf is what begins with a line; empty for any other.
func stageOf(line string) string {
	_, said, bySuite := strings.Cut(line, report.Mark) // Xen puts words before it
	switch {
	case results.PowersOff(line):
		return "done"
	case bySuite && results.InTrial(said):
		return "trials"
	case strings.Contains(line, report.Begin):
		return "report"
	case bySuite:
		return "probing"
	case results.Alive(line):
		return "kernel"
	case results.Boots(line):
		return "firmware"
	}
	return ""
}

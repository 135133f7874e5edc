package main

import (
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
	said, bySuite := strings.CutPrefix(line, report.Mark)
	switch {
	case results.PowersOff(line):
		return "done"
	case bySuite && results.InTrial(said):
		return "trials"
	case strings.HasPrefix(line, report.Begin):
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

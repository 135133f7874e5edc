package vmm

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// A guest's needs are served beside the watch, once each, and it is answered.
func TestServe(t *testing.T) {
	t.Parallel()
	block, net := report.Need{Name: report.NeedBlock, Nonce: "a1", Timeout: 30}, report.Need{Name: report.UnplugNet, Nonce: "a2", Timeout: 9}
	r := sh(t, strings.Join([]string{
		`echo "` + block.Line() + `"`, `echo "vm1: ` + block.Line() + `"`, `head -c 28 > $2/answers`,
		`echo "` + net.Line() + `"`, `head -c 27 >> $2/answers`,
		`echo "` + report.Need{Name: report.NeedPause, Nonce: "a3", Timeout: 9}.Line() + `"`,
		`echo "` + ask("0a1b") + `"`, `cat $1`,
	}, "; "))
	served := make(chan report.Need, 8)
	r.Serve = Serve{
		report.NeedBlock: func(_ context.Context, n report.Need) bool { served <- n; return true },
		report.NeedNet:   func(_ context.Context, n report.Need) bool { served <- n; return false },
		report.NeedInput: func(_ context.Context, n report.Need) bool { served <- n; return true },
	}
	out := outcome(t, r)
	requireWhole(t, out)
	require.Zero(t, out.Typed, "somebody else types")
	for _, want := range []report.Need{block, net, {Name: report.NeedInput, Nonce: "0a1b"}} {
		require.Equal(t, want, <-served)
	}
	require.Empty(t, served)
	answers, err := os.ReadFile(filepath.Join(dir(r), "answers"))
	require.NoError(t, err)
	require.Equal(t, "done hotplug-block nonce=a1\rcannot unplug-net nonce=a2\r", string(answers))
}

// Who serves ends with the run.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	r := sh(t, `echo "`+report.Need{Name: report.NeedPause, Nonce: "1", Timeout: 30}.Line()+`"; sleep .3; cat $1`)
	ended := make(chan error, 1)
	r.Serve = Serve{report.NeedPause: func(ctx context.Context, _ report.Need) bool {
		<-ctx.Done()
		ended <- ctx.Err()
		return true
	}}
	requireWhole(t, outcome(t, r))
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestAside(t *testing.T) {
	t.Parallel()
	out, err := Aside(t.Context(), `echo "$WORD"; echo words >&2; exit 3`, []string{"WORD=some"})
	require.NoError(t, err)
	require.Equal(t, 3, out.Status)
	require.Equal(t, "some\nwords", out.Stderr)
	out, err = Aside(t.Context(), `kill -9 $$`, nil)
	require.NoError(t, err)
	require.Equal(t, "was killed by signal 9 (KILL)", out.Ended())
}

// A command that goes on is ended with the run, and so is what it started.
func TestAsideEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := Aside(ctx, `echo begun; sleep 900 & sleep 900`, nil)
	require.EqualError(t, err, "it was ended with the run")
	require.Equal(t, "TERM", out.Signal)
	require.Equal(t, "begun", out.Stderr)
}

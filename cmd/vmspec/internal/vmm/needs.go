package vmm

import (
	"context"
	"sync"
	"sync/atomic"

	"vmspec/results/report"
)

// Serve does what a guest needs and tells whether it has, by what is offered: one of
// report.Needs. It is called beside the watch, for several needs at once, and ctx
// ends with the run. What is not offered is not served, but words are typed.
type Serve map[string]func(ctx context.Context, n report.Need) (done bool)

// maxNeeds bounds how often a guest is answered.
const maxNeeds = 16

// needs are what the guest asked for.
type needs struct {
	serve   Serve
	seen    map[string]bool // a guest may ask on several consoles
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	typed   int          // how many words were typed
	bytes   atomic.Int64 // of what was typed, those that the console took over
}

func newNeeds(ctx context.Context, serve Serve) *needs {
	n := &needs{serve: serve, seen: map[string]bool{}}
	n.ctx, n.stop = context.WithCancel(ctx)
	return n
}

// line looks for a need in a line of the console, and serves it.
func (n *needs) line(text string, c console) {
	need, asked := report.FindNeed(text)
	key := need.Name + " " + need.Nonce
	if !asked || n.seen[key] || len(n.seen) == maxNeeds {
		return
	}
	n.seen[key] = true
	serve := n.serve[report.OfferFor(need.Name)]
	switch {
	case serve != nil:
		n.running.Go(func() {
			done := serve(n.ctx, need)
			if need.Name != report.NeedInput && n.ctx.Err() == nil {
				n.answer(report.Answer{Done: done, Need: need.Name, Nonce: need.Nonce}.Line(), c)
			}
		})
	case need.Name == report.NeedInput:
		n.typed++
		n.answer(need.Nonce, c)
	}
}

// answer types a line.
func (n *needs) answer(line string, c console) { n.bytes.Add(int64(c.Type(line + "\r"))) } // the Enter key's

// end waits for those who serve.
func (n *needs) end() {
	n.stop()
	n.running.Wait()
}

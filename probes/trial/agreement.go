package trial

import (
	"io/fs"
	"sync/atomic"
	"time"

	"vmspec/probes/timer"
)

const (
	// How often the counter is read on one CPU, and how often two CPUs hand over
	// in all. On an emulated processor time ends the trial before.
	agreementReads     = 2_000_000
	agreementHandovers = 100_000
	// The reads may take 1/10 s; a processor needs half of that. Fewer than 15
	// million reads a second mean an emulated processor. It gets 1/250 s, which is
	// about 25,000 reads: more would cost too much time of its host.
	readsMost  = 10
	readsShort = 250
	readsFast  = 15_000_000
	// The hand-overs of two CPUs may take 1/16 s; on a quiet host they need a sixth
	// of that. On a busy host two virtual CPUs seldom run at the same time: it gets
	// a second, or until there are enough hand-overs.
	pairMost        = 16
	pairBusyMost    = 1
	handoversEnough = 1000
	// The limit in seconds for the first turn of all pairs of a machine with many CPUs.
	// A host that serves fewer CPUs at once leaves some pairs without hand-overs: they
	// have more turns, while that limit lasts. A supervisor gives a trial 15 s.
	handoversMost  = 5
	handoversAgain = 12
	// A pair with fewer was starved.
	handoversFew = 100
	// How many reads are made between two looks at the time.
	readsStep = 1 << 10
	// About the time until the next turn where both CPUs run.
	handoverRest = 50 * time.Microsecond
)

// Agreement reads the counter without a pause, and then on two CPUs in turn, the
// first and each other one: each reads when the other has. It counts how often a
// reading was behind the one before, and by how much at most.
func Agreement(root fs.FS, c Timebase, n *timer.Agreement) error {
	n.Counter, n.Hz = c.Name, c.Hz
	cpus, err := Online(root)
	if err != nil {
		return err
	}
	if err := onOwnThread(func() error { return readWithoutPause(c, cpus[0], &n.Alone) }); err != nil {
		return err
	}
	begin := c.Now()
	for _, other := range cpus[1:] {
		n.Pairs = append(n.Pairs, timer.Pair{A: uint64(cpus[0]), B: uint64(other)})
	}
	turn := func(p *timer.Pair, end uint64) error { return takeTurn(c, len(n.Pairs), p, end) }
	return eachPair(c, n.Pairs, begin, turn)
}

// eachPair gives each pair a turn, and those that were starved more of them.
func eachPair(c Timebase, pairs []timer.Pair, begin uint64, turn func(p *timer.Pair, end uint64) error) error {
	for i := range pairs {
		if err := turn(&pairs[i], begin+c.Hz*handoversMost); err != nil {
			return err
		}
	}
	end := begin + c.Hz*handoversAgain
	for starved := true; starved && c.Now() < end; {
		starved = false
		for i := range pairs {
			if pairs[i].Count >= handoversFew || c.Now() >= end {
				continue
			}
			if err := turn(&pairs[i], end); err != nil {
				return err
			}
			starved = starved || pairs[i].Count < handoversFew
		}
	}
	return nil
}

// takeTurn lets a pair, one of so many, hand over until that tick at most.
func takeTurn(c Timebase, pairs int, p *timer.Pair, end uint64) error {
	now := c.Now()
	h := &handover{clock: c, most: uint64(agreementHandovers / pairs),
		soon: now + c.Hz/pairMost, end: min(now+c.Hz/pairBusyMost, end)}
	err := h.between(int(p.A), int(p.B))
	p.Count += h.turn.Load()
	p.Backward += h.backward
	p.Worst = max(p.Worst, h.worst)
	return err
}

// readWithoutPause reads the counter on one CPU.
func readWithoutPause(c Timebase, on int, n *timer.Readings) error {
	if err := pin(on); err != nil {
		return err
	}
	r := handover{clock: c, last: c.Now()}
	begin := r.last
	count, end := uint64(0), begin+c.Hz/readsMost
	for ; count < agreementReads && r.last < end; count += readsStep {
		for range readsStep {
			r.read()
		}
		if count == 0 && r.last-begin > c.Hz*readsStep/readsFast {
			end = begin + c.Hz/readsShort
		}
	}
	*n = timer.Readings{Count: count, Backward: r.backward, Worst: r.worst}
	return nil
}

// A handover is a counter that two threads read in turn. Only turn is atomic: it
// orders the accesses to the other fields.
type handover struct {
	clock           Timebase
	turn            atomic.Uint64 // turns so far
	most            uint64
	soon, end       uint64 // ticks: after soon, handoversEnough will do; after end, time is up
	last            uint64
	backward, worst uint64
}

func (h *handover) read() {
	now := h.clock.Now()
	if now < h.last {
		h.backward++
		h.worst = max(h.worst, h.last-now)
	}
	h.last = now
}

// between lets two CPUs take turns.
func (h *handover) between(a, b int) error {
	h.last = 0 // the first reading has none before it
	done := make(chan error, 2)
	for parity, on := range []int{a, b} {
		go func() {
			err := pin(on)
			if err == nil {
				h.takeTurns(uint64(parity))
			}
			done <- err
		}()
	}
	first, second := <-done, <-done
	if first != nil {
		return first
	}
	return second
}

// takeTurns reads at each turn of this parity, and gives up when time is up. If a
// turn is late, the other virtual CPU may be waiting for a CPU of the host: then
// this one rests, so that the host can run the other.
func (h *handover) takeTurns(parity uint64) {
	for spins := 1; ; spins++ {
		turn := h.turn.Load()
		switch {
		case turn >= h.most:
			return
		case turn%2 == parity:
			h.read()
			h.turn.Store(turn + 1)
			spins = 0
		case spins%readsStep == 0:
			if now := h.clock.Now(); now > h.end || now > h.soon && turn >= handoversEnough {
				return
			}
			_ = nap(handoverRest) // without a rest it spins on
		}
	}
}

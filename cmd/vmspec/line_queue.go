package main

import "slices"

// A lineQueue hands lines to a function that works beside whoever reads them: to take
// lines out of a packed log or out of records costs as much as to read a report.
type lineQueue struct {
	batch []string
	full  chan []string
	empty chan []string
	done  chan struct{}
}

const (
	queuedLines   = 512 // in a batch
	queuedBatches = 4
)

// newLineQueue calls f with each line that is put, in order, until the end.
func newLineQueue(f func(line string)) *lineQueue {
	q := &lineQueue{
		full:  make(chan []string, queuedBatches),
		empty: make(chan []string, queuedBatches),
		done:  make(chan struct{}),
	}
	go func() {
		defer close(q.done)
		for batch := range q.full {
			for _, line := range batch {
				f(line)
			}
			clear(batch) // what is kept of a line is a copy
			select {
			case q.empty <- batch[:0]:
			default:
			}
		}
	}()
	return q
}

func (q *lineQueue) put(line string) {
	if q.batch = append(q.batch, line); len(q.batch) == queuedLines {
		q.send()
	}
}

func (q *lineQueue) send() {
	q.full <- q.batch
	select {
	case q.batch = <-q.empty:
	default:
		q.batch = slices.Grow([]string(nil), queuedLines)
	}
}

// end returns when f has had all lines.
func (q *lineQueue) end() {
	q.send()
	close(q.full)
	<-q.done
}

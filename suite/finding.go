package suite

import (
	"fmt"
	"strings"
)

// judgeSeen fails what is wrong, and does not know what could not be read.
func judgeSeen(wrong []string, unread string, found ...string) Finding {
	switch {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), found...)
	case unread != "":
		return unknown(unread, found...)
	}
	return pass(found...)
}

// conclude fails if anything is wrong, cannot tell if anything is in doubt, and
// has nothing to judge if nothing was found. All functions are in doubt for the
// same reason, so one is told.
func conclude(wrong, doubt, found []string, nothing Finding) Finding {
	switch {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), found...)
	case len(doubt) > 0:
		return unknown(doubt[0], found...)
	case len(found) == 0:
		return nothing
	}
	return pass(found...)
}

// also adds a text that says something to others.
func also(texts []string, text string) []string {
	if text == "" {
		return texts
	}
	return append(texts, text)
}

// share says how many of all there are: "7 of 8 devices running". Nothing is
// said of none.
func share(n, all int, noun, what string) []string {
	if all == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of %s %s", n, count(all, noun), what)}
}

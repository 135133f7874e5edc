package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// takes checks the number of a command's arguments; what says what they are.
func takes(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		name := strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
		switch {
		case len(args) < least:
			return fmt.Errorf("%s needs %s: %s", name, what, c.UseLine())
		case len(args) > most:
			return fmt.Errorf("%s has no use for %q: %s", name, args[most], c.UseLine())
		}
		return nil
	}
}

// unlimited is a number of arguments without a bound.
const unlimited = 1 << 30

// behindDashes says whose flags follow -- , by command.
var behindDashes = map[string]string{
	"vmspec run":      "QEMU's arguments go behind --, as in vmspec run TARGET -- ",
	"vmspec run exec": "the command and its flags go behind --, as in vmspec run exec -- COMMAND ",
}

// badFlag explains a flag that a command does not have.
func badFlag(c *cobra.Command, err error) error {
	var unknown interface {
		GetSpecifiedName() string
		GetSpecifiedShortnames() string
	}
	hint, ok := behindDashes[c.CommandPath()]
	if !ok || !errors.As(err, &unknown) {
		return err
	}
	flag := "--" + unknown.GetSpecifiedName()
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		flag = "-" + short
	}
	return fmt.Errorf("unknown flag %s: %s%[1]s", flag, hint)
}

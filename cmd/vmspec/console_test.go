package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

// fakeConsole is "fake-console dial|listen NETWORK ADDRESS FILE": a VMM whose
// console is a connection, over which it sends the file.
func fakeConsole(args []string, stderr io.Writer) int {
	if len(args) != 4 {
		fmt.Fprintln(stderr, "usage: fake-console dial|listen network address file")
		return 1
	}
	if err := sendConsole(args[0], args[1], args[2], args[3]); err != nil {
		fmt.Fprintln(stderr, "fake-console:", err)
		return 1
	}
	return 0
}

func sendConsole(way, network, address, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	conn, err := connection(way, network, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write(data)
	return err
}

func connection(way, network, address string) (net.Conn, error) {
	if way == "dial" {
		return net.Dial(network, address)
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.Accept()
}

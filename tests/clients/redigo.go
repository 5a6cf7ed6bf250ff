// redigo plays the scenarios; see scenario.py for what is read and written.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/gomodule/redigo/redis"
)

var port, ca, user, password = os.Args[1], os.Args[3], os.Args[4], os.Args[5]

func dial() redis.Conn {
	options := []redis.DialOption{redis.DialUsername(user), redis.DialPassword(password)}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			log.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		options = append(options, redis.DialUseTLS(true),
			redis.DialTLSConfig(&tls.Config{RootCAs: roots}))
	}
	conn, err := redis.Dial("tcp", "localhost:"+port, options...)
	if err != nil {
		log.Fatal(err)
	}
	return conn
}

func token(value interface{}) string {
	switch typed := value.(type) {
	case nil:
		return "n"
	case int64:
		return fmt.Sprintf("i%d", typed)
	case redis.Error:
		return "e" + hex.EncodeToString([]byte(typed))
	case []interface{}:
		text := fmt.Sprintf("[%d", len(typed))
		for _, element := range typed {
			text += " " + token(element)
		}
		return text
	case []byte:
		return "s" + hex.EncodeToString(typed)
	default:
		return "s" + hex.EncodeToString([]byte(typed.(string)))
	}
}

// An error of the server is a reply, any other one that of a lost connection.
func reply(value interface{}, err error) (interface{}, error) {
	if refused, ok := err.(redis.Error); ok {
		return refused, nil
	}
	return value, err
}

type command struct {
	name  string
	words []interface{}
}

func transaction(conn redis.Conn, commands []command) (string, error) {
	conn.Send("MULTI")
	for _, each := range commands {
		conn.Send(each.name, each.words...)
	}
	value, err := reply(conn.Do("EXEC"))
	return token(value), err
}

func pipeline(conn redis.Conn, commands []command) (string, error) {
	for _, each := range commands {
		conn.Send(each.name, each.words...)
	}
	if err := conn.Flush(); err != nil {
		return "", err
	}
	tokens := []string{}
	for range commands {
		value, err := reply(conn.Receive())
		if err != nil {
			return "", err
		}
		tokens = append(tokens, token(value))
	}
	return strings.Join(tokens, " "), nil
}

func parse(text string) command {
	parsed := command{}
	for i, word := range strings.Split(text, ",") {
		data, err := hex.DecodeString(word)
		if err != nil {
			log.Fatal(err)
		}
		if i == 0 {
			parsed.name = string(data)
		} else {
			parsed.words = append(parsed.words, data)
		}
	}
	return parsed
}

func main() {
	conn := dial()
	input := bufio.NewReader(os.Stdin)
	for {
		line, err := input.ReadString('\n')
		if err != nil {
			return
		}
		texts := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		commands := []command{}
		for _, text := range texts[1:] {
			commands = append(commands, parse(text))
		}
		answer := pipeline
		if texts[0] == "transaction" {
			answer = transaction
		}
		said, err := answer(conn, commands)
		if err != nil { // redigo leaves connecting again to its caller, or to its pool.
			conn = dial()
			said, err = answer(conn, commands)
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(said)
	}
}

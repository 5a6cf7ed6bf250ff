# ruby-redis plays the scenarios; see scenario.py for what is read and written.
require 'redis'

port, _, ca, user, password = ARGV
options = {host: 'localhost', port: port.to_i}
options.update(ssl: true, ssl_params: {ca_file: ca}) unless ca.empty?
options[:username] = user unless user.empty?
options[:password] = password unless password.empty?
CLIENT = Redis.new(**options)

def token(value)
  case value
  when nil then 'n'
  when Integer then "i#{value}"
  when Redis::CommandError then 'e' + value.message.unpack1('H*')
  when Array then ["[#{value.size}", *value.map { |element| token(element) }].join(' ')
  else 's' + value.unpack1('H*')
  end
end

# A pipeline in which a command fails raises that error and tells no other reply.
def answer(verb, commands)
  if verb == 'transaction'
    token(CLIENT.multi { |multi| commands.each { |words| multi.call(*words) } })
  elsif commands.size > 1
    CLIENT.pipelined { |pipe| commands.each { |words| pipe.call(*words) } }
          .map { |reply| token(reply) }.join(' ')
  else
    token(CLIENT.call(*commands.first))
  end
rescue Redis::CommandError => error
  commands.size > 1 ? 'x' + error.message.unpack1('H*') : token(error)
end

$stdout.sync = true
$stdin.each_line(chomp: true) do |line|
  verb, *texts = line.split(' ')
  commands = texts.map { |text| text.split(',', -1).map { |word| [word].pack('H*') } }
  puts answer(verb, commands)
end
